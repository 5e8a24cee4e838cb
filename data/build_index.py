"""The command that builds an index folder: `python -m data.build_index --source … --output DIR`.

A name to type, and nothing else: what it does is `retriever.building.command`, and no module imports this one. So
commands stand above every layer, wherever their names put them.

    python -m data.build_index --source vital --output my-index
    python -m data.build_index --source dump:enwiki-latest-pages-articles.xml.bz2 --output wiki --workers 8
    python -m data.build_index --source articles.parquet --text-column body --output my-index
    python -m data.build_index --source more.jsonl --output my-index --add
    python -m data.build_index verify my-index
    python -m data.build_index info my-index
    python -m data.build_index push my-index user/name

Killed and started again, a build goes on where it was.
"""

from __future__ import annotations

if __name__ == "__main__":
    from core.starting import start

    start()

import sys

from retriever.building.command import main

if __name__ == "__main__":
    sys.exit(main())
