# C++20 module, interface and user
export SOURCE_DATE_EPOCH=1000000000 # gcc writes the time into the interface
printf 'export module depot;\nexport int weight(int n) { return n * 7; }\n' >depot.cc
printf 'import depot;\nint main() { return weight(3) == 21 ? 0 : 1; }\n' >main.cc
$RUN g++ -std=c++20 -fmodules-ts -x c++ -c depot.cc -o depot.o
$RUN g++ -std=c++20 -fmodules-ts -c main.cc -o main.o
