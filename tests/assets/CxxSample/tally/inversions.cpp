#include "pch.h"

uint32_t tally::inversions(const Bytes& bytes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        for (uint32_t j = i + 1; j < bytes.size; j++)
        {
            count += bytes.data[i] > bytes.data[j];
        }
    }

    return count;
}
