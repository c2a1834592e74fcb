#include "pch.h"

uint32_t tally::population(const Bytes& bytes)
{
    uint32_t ones = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        for (uint32_t rest = bytes.data[i]; rest != 0; rest &= rest - 1)
        {
            ones++;
        }
    }

    return ones;
}
