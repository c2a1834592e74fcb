# precompiled header made and used, clang
write_cxx
printf '#include <map>\n#include <string>\n#include <vector>\n' >all.h
$RUN clang++ -std=c++17 -O1 -Xclang -fno-pch-timestamp -x c++-header all.h -o all.pch
$RUN clang++ -std=c++17 -O1 -include-pch all.pch -c table.cc -o table.o
