/* The program `repr`. */
#include "front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "exec") == 0)
        return exec_remotely(arguments[0], arguments + 2);
    const char *product = find_product(arguments[0]);
    char **all = allocate(((size_t)count + 2) * sizeof *all); /* one place in front, NULL at the end */
    memcpy(all + 1, arguments, (size_t)count * sizeof *all);
    run_host(product, all + 1);
    fprintf(stderr, "repr: error: neither '%s/repr-host' nor dotnet could be started: %s\n", product, strerror(errno));
    return EXIT_NOT_FOUND;
}
