"""The centre's side, as a reference: subscribe, validate, de-duplicate, find gaps, store, confirm, show."""
