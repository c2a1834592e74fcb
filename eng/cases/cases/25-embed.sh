# #embed
printf 'some bytes' >blob.bin
printf 'const unsigned char blob[] = {\n#embed "blob.bin"\n};\n' >embed.c
for compiler in gcc clang; do
    if $compiler -std=c2x -fsyntax-only embed.c 2>/dev/null; then break; fi
    [ $compiler = gcc ] || absent "no compiler here knows #embed"
done
$RUN $compiler -std=c2x -c embed.c -o embed.o
