# -fsyntax-only
write_c
$RUN gcc -Wall -Wextra -Iinc -fsyntax-only scale.c
