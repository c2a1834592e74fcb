# shared library, linked by -l and rpath
write_c
$RUN gcc -shared -fPIC -Iinc scale.c -o libscale.so.1 -Wl,-soname,libscale.so.1
ln -s libscale.so.1 libscale.so
$RUN gcc -Iinc main.c -L. -lscale "-Wl,-rpath,$PWD" -o main
./main
