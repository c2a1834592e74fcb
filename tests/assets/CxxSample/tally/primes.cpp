#include "pch.h"

uint32_t tally::primes(const Bytes& bytes)
{
    // How many of the bytes are prime numbers.
    uint32_t count = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t divisor = 2;
        while (divisor * divisor <= bytes.data[i] && bytes.data[i] % divisor != 0)
        {
            divisor++;
        }

        count += bytes.data[i] > 1 && divisor * divisor > bytes.data[i];
    }

    return count;
}
