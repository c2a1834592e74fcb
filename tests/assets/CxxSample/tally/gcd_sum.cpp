#include "pch.h"

uint32_t tally::gcd_sum(const Bytes& bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 1; i < bytes.size; i++)
    {
        uint32_t a = bytes.data[i - 1], b = bytes.data[i];
        while (b != 0)
        {
            uint32_t rest = a % b;
            a = b;
            b = rest;
        }

        sum += a;
    }

    return sum;
}
