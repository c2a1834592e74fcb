# a shell script with pipes and several tools
write_c
$RUN sh -c 'gcc -Iinc -c scale.c && nm scale.o | sort | grep -c " T " >count; cat count'
test "$(cat count)" = 2
