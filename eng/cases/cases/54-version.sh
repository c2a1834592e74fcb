# gcc -dumpmachine, --version, -print-prog-name
$RUN gcc --version
$RUN gcc -dumpmachine
$RUN gcc -print-prog-name=cc1
