# What the cases share. A case runs in an empty directory; $RUN before a command is what is measured: nothing, 'repr exec --', 'distcc', ...

# The compiler or tool is not on this machine, or is too old: the row says so.
absent() { echo "$*"; exit 77; }

# A C file that needs a header of its own and one of the system.
write_c() {
    mkdir -p inc
    printf '#define FACTOR 3\nint scale(int value);\n' >inc/scale.h
    printf '#include <stdio.h>\n#include "scale.h"\n' | tee main.c >scale.c
    printf 'int scale(int value) { return value * FACTOR; }\nvoid show(void) { printf("%%d\\n", scale(14)); }\n' >>scale.c
    printf 'int main(void) { printf("%%d\\n", scale(14)); return 0; }\n' >>main.c
}

write_cxx() {
    printf '#include <map>\n#include <string>\n#include <vector>\nstd::map<std::string, std::vector<int>> table;\n' >table.cc
    printf 'int count() { int n = 0; for (const auto& [key, list] : table) n += (int)(key.size() + list.size()); return n; }\n' >>table.cc
}
