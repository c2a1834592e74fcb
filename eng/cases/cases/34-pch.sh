# precompiled header made and used, gcc
write_cxx
printf '#include <map>\n#include <string>\n#include <vector>\n' >all.h
$RUN g++ -O1 -x c++-header all.h -o all.h.gch
$RUN g++ -O1 -Winvalid-pch -include all.h -c table.cc -o table.o
