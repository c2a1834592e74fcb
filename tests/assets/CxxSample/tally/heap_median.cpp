#include "pch.h"

uint32_t tally::heap_median(const Bytes& bytes)
{
    // Heap sort of at most 256 bytes, then the one in the middle.
    uint8_t heap[256];
    uint32_t size = bytes.size > 256 ? 256 : bytes.size;
    for (uint32_t i = 0; i < size; i++)
    {
        heap[i] = bytes.data[i];
    }

    for (uint32_t start = size / 2, end = size; end > 1;)
    {
        if (start > 0)
        {
            start--;
        }
        else
        {
            end--;
            uint8_t top = heap[0];
            heap[0] = heap[end];
            heap[end] = top;
        }

        for (uint32_t root = start; 2 * root + 1 < end;)
        {
            uint32_t child = 2 * root + 1;
            child += child + 1 < end && heap[child] < heap[child + 1];
            if (heap[root] >= heap[child])
            {
                break;
            }

            uint8_t value = heap[root];
            heap[root] = heap[child];
            heap[child] = value;
            root = child;
        }
    }

    return size > 0 ? heap[size / 2] : 0;
}
