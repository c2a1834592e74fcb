/* The terminal of this process, if some of its standard streams are one. */
#define _GNU_SOURCE
#include "front.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool is_raw;

void look_at_terminal(struct terminal *terminal, bool takes_input)
{
    terminal->input = takes_input && isatty(STDIN_FILENO);
    terminal->output = isatty(STDOUT_FILENO);
    terminal->error = isatty(STDERR_FILENO);
    terminal->present = terminal->input || terminal->output || terminal->error;
    measure_terminal(terminal);
}

void measure_terminal(struct terminal *terminal)
{
    struct winsize size = {0};
    int descriptor = terminal->output ? STDOUT_FILENO : terminal->error ? STDERR_FILENO : STDIN_FILENO;

    if (terminal->present && ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
        terminal->rows = size.ws_row;
        terminal->columns = size.ws_col;
    }
}

/* Keys go to the tool's terminal as they are pressed; that one echoes, edits lines and makes signals. Not as a background process:
 * changing the terminal would stop it. */
void enter_raw_mode(void)
{
    struct termios raw;

    if (is_raw || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &saved))
        return;
    raw = saved;
    cfmakeraw(&raw);
    is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void leave_raw_mode(void)
{
    if (is_raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    is_raw = false;
}
