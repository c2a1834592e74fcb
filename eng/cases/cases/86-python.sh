# a generator in Python that reads, writes and deletes
echo '{"a": 1, "b": 2}' >values.json
echo stale >old.h
$RUN /usr/bin/python3 -c '
import json, os
os.makedirs("gen/deep")
with open("gen/deep/values.h", "w") as out:
    for name, value in json.load(open("values.json")).items():
        out.write(f"#define {name.upper()} {value}\n")
os.chmod("gen/deep/values.h", 0o640)
os.symlink("deep/values.h", "gen/values.h")
os.remove("old.h")
print("written")
'
