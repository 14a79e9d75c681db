"""The steps of growing a network along streets; `gis_data.grow` is the door."""
