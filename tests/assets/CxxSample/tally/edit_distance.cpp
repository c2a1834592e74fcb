#include "pch.h"

uint32_t tally::edit_distance(const Bytes& bytes)
{
    // Between the first and the second half, at most 64 bytes each.
    uint32_t half = bytes.size / 2 > 64 ? 64 : bytes.size / 2;
    const uint8_t* other = bytes.data + half;
    uint32_t row[65];
    for (uint32_t j = 0; j <= half; j++)
    {
        row[j] = j;
    }

    for (uint32_t i = 1; i <= half; i++)
    {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= half; j++)
        {
            uint32_t best = diagonal + (bytes.data[i - 1] != other[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }

    return row[half];
}
