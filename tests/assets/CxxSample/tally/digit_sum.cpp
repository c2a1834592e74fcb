#include "pch.h"

uint32_t tally::digit_sum(const Bytes& bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        for (uint32_t rest = bytes.data[i]; rest > 0; rest /= 10)
        {
            sum += rest % 10;
        }
    }

    return sum;
}
