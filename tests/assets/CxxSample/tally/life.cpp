#include "pch.h"

uint32_t tally::life(const Bytes& bytes)
{
    // One generation of the game of life on a torus of 8 x 8, set by the first bytes.
    uint8_t field[8] = {};
    for (uint32_t i = 0; i < 8 && i < bytes.size; i++)
    {
        field[i] = bytes.data[i];
    }

    uint32_t alive = 0;
    for (uint32_t y = 0; y < 8; y++)
    {
        for (uint32_t x = 0; x < 8; x++)
        {
            uint32_t neighbours = 0;
            for (uint32_t d = 0; d < 9; d++)
            {
                neighbours += d != 4 && (field[(y + d / 3 + 7) % 8] >> (x + d % 3 + 7) % 8 & 1) != 0;
            }

            alive += neighbours == 3 || (neighbours == 2 && (field[y] >> x & 1) != 0);
        }
    }

    return alive;
}
