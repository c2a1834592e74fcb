# -g
write_cxx
$RUN g++ -g -O1 -c table.cc -o table.o
