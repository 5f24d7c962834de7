"""Parse tables of items as spreadsheets export them. Pure.

`reader` splits text into columns and rows; `items` turns rows into a function's items. Both track
where everything is in the file.
"""
