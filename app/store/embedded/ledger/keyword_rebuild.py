"""Make the keyword indexes anew where other code, or another Python, folded the texts that they were made of."""

import logging

from app.store import keyword
from app.store.embedded.ledger import keyword_index
from app.store.embedded.ledger.catalogue import everything
from app.store.embedded.ledger.ledger import Ledger
from app.store.keyword import document_text

log = logging.getLogger(__name__)

NOTE = "keyword"
BATCH = 1000


def where_outdated(ledger: Ledger) -> None:
    """All of them in one transaction: a row can only be taken out with the very tokens that it was put in with."""
    with ledger.reading() as connection:
        found = connection.execute("SELECT value FROM notes WHERE name = ?", (NOTE,)).fetchone()
    if found and found[0] == keyword.VERSION:
        return
    with ledger.writing() as connection:
        for row in everything(connection):
            log.warning("the keyword index of %r is made anew: %s, was %s", row.collection.name, keyword.VERSION, found)
            keyword_index.drop(connection, row.key)
            keyword_index.create(connection, row.key)
            passages = connection.execute(
                'SELECT p.key, p.start, p."end", d.text FROM passages p '
                "JOIN documents d ON d.key = p.document WHERE p.collection = ?",
                (row.key,),
            )
            while some := passages.fetchmany(BATCH):
                keyword_index.add(
                    connection, row.key, ((key, document_text(text[start:end])) for key, start, end, text in some)
                )
        connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (NOTE, keyword.VERSION))
