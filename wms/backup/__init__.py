"""Backup: copies of the database and every change since, so that any second can be had again.

    FOLDER/base/20261127T090000.000000Z/    a copy of all data, with PostgreSQL's manifest of it
    FOLDER/wal/                             the log of changes, from the oldest copy on

    take      makes a copy, proves it whole by its manifest, forgets the copies that are too old
    follow    streams the log into the folder as it is written: what is lost with the server is
              what its last moment had not sent yet
    restore   a copy, and the log up to a second that is named, as data of an embedded server
    drill     takes, restores and proves, and says how much was lost and how long it took

Keys are not in it: who has the folder has the contacts as noise, and who lost `contact.key` has
lost every contact. Keep `contact.key`, `seal.key` and `seal.key.last` elsewhere.

Source: PostgreSQL 18, chapter 25.3 (continuous archiving and point-in-time recovery).
"""
