#!/bin/sh
# CMake's launcher of compilers: the tool that is measured, or none. One configured tree serves all of them.
exec $RUN "$@"
