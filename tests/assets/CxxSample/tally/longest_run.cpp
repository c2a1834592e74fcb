#include "pch.h"

uint32_t tally::longest_run(const Bytes& bytes)
{
    uint32_t longest = 0, run = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        run = i > 0 && bytes.data[i] >= bytes.data[i - 1] ? run + 1 : 1;
        longest = run > longest ? run : longest;
    }

    return longest;
}
