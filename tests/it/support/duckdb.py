"""Runs statements in DuckDB, on a DuckLake catalog if one is named, for the tests. Standard input:
one JSON object {"catalog": path, connection string or null, "options": "...", "statements": [sql, ...]}. Standard output: one JSON array, for
each statement its rows, every value as text or null."""
import glob
import json
import os
import sys

import duckdb

wanted = json.load(sys.stdin)
connection = duckdb.connect(
    config={"allow_unsigned_extensions": "true", "autoinstall_known_extensions": "false"}
)
folder = os.path.dirname(os.path.dirname(duckdb.__file__))
for extension in sorted(glob.glob(folder + "/duckdb_extension_*/extensions/*/*.duckdb_extension")):
    connection.execute("LOAD '%s'" % extension)
if wanted["catalog"]:
    catalog = wanted["catalog"].replace("'", "''")
    kind = "sqlite" if catalog.startswith("/") else "postgres"
    connection.execute("ATTACH 'ducklake:%s:%s' AS lake %s" % (kind, catalog, wanted["options"]))
    connection.execute("USE lake")
answers = []
for statement in wanted["statements"]:
    try:
        rows = connection.execute(statement).fetchall()
    except Exception as e:
        sys.exit("%s\n%s" % (statement, e))
    answers.append([[None if v is None else str(v) for v in row] for row in rows])
json.dump(answers, sys.stdout)
