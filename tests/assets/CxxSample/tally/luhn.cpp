#include "pch.h"

uint32_t tally::luhn(const Bytes& bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t digit = bytes.data[i] % 10 * (1 + i % 2);
        sum += digit > 9 ? digit - 9 : digit;
    }

    return (10 - sum % 10) % 10;
}
