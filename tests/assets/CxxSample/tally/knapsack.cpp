#include "pch.h"

uint32_t tally::knapsack(const Bytes& bytes)
{
    // How much of 1000 can be filled with the first 32 bytes.
    uint8_t reachable[1001];
    for (uint32_t i = 0; i <= 1000; i++)
    {
        reachable[i] = i == 0;
    }

    for (uint32_t i = 0; i < bytes.size && i < 32; i++)
    {
        for (uint32_t sum = 1000; sum >= bytes.data[i] && sum > 0; sum--)
        {
            reachable[sum] |= reachable[sum - bytes.data[i]];
        }
    }

    uint32_t best = 1000;
    while (reachable[best] == 0)
    {
        best--;
    }

    return best;
}
