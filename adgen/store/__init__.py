"""The only SQL: tables, the database, and the rows every other room works with."""
