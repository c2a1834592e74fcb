# clang-cl /c /Fo
cl=$(compgen -c clang-cl | sort | head -n 1)
[ -n "$cl" ] || absent "no clang-cl here"
mkdir obj inc
printf '#define FACTOR 3\n' >inc/scale.h
printf '#include "scale.h"\nint scale(int value) { return value * FACTOR; }\n' >scale.c
$RUN "$cl" /nologo /c /Iinc /Z7 /showIncludes /Brepro /Foobj/scale.obj scale.c
