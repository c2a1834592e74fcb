# spaces and letters beyond ASCII in names
mkdir -p 'my häder'
printf '#define TEXT "grüße"\n' >'my häder/größe %1 #2.h'
printf '#include "größe %%1 #2.h"\nconst char *text = TEXT;\nconst char *file = __FILE__;\n' >'qüelle eins.c'
$RUN gcc -g -MD '-Imy häder' -c 'qüelle eins.c' -o 'öbjekt eins.o'
