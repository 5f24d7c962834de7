"""Calls with the rows of a table, in which things are called what they are called.

`columns` says what each column fills; `rows` makes items of the rows and keeps their names apart;
`filling` puts ids where the names are; `report` says what is planned and what was done; `tool` is
the tool `bulk_call`.
"""
