# warnings of clang at a terminal of 60 columns
printf 'int f(int unused) { int a_rather_long_name_of_a_variable; return a_rather_long_name_of_a_variable + "text"; }\n' >warn.c
script -qec "stty cols 60 rows 10; $RUN clang -Wall -Wextra -c warn.c -o warn.o" /dev/null
