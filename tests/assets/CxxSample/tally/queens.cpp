#include "pch.h"

uint32_t tally::queens(const Bytes& bytes)
{
    // Solutions of the queens' problem on a board of 4 to 7 squares, by the number of bytes.
    uint32_t size = 4 + bytes.size % 4, solutions = 0;
    uint32_t columns[8] = {};
    for (uint32_t row = 0; columns[0] < size;)
    {
        bool is_free = columns[row] < size;
        for (uint32_t other = 0; other < row && is_free; other++)
        {
            uint32_t distance = columns[row] > columns[other] ? columns[row] - columns[other] : columns[other] - columns[row];
            is_free = distance != 0 && distance != row - other;
        }

        if (is_free && row + 1 < size)
        {
            columns[++row] = 0;
            continue;
        }

        solutions += is_free;
        while (row > 0 && columns[row] >= size)
        {
            row--;
        }

        columns[row]++;
    }

    return solutions;
}
