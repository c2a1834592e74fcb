# -frandom-seed, anonymous namespaces
printf 'namespace { struct S { virtual ~S(); int n; }; S::~S() {} S s; }\nint n = s.n;\n' >anonymous.cc
$RUN g++ -O0 -frandom-seed=anonymous -c anonymous.cc -o anonymous.o
