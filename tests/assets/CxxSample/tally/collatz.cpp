#include "pch.h"

uint32_t tally::collatz(const Bytes& bytes)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t steps = 0;
        for (uint32_t n = bytes.data[i] + 1u; n != 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1)
        {
            steps++;
        }

        longest = steps > longest ? steps : longest;
    }

    return longest;
}
