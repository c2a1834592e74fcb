# g++ -std=c++20 -c
write_cxx
$RUN g++ -std=c++20 -O2 -c table.cc -o table.o
