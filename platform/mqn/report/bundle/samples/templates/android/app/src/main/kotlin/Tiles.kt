package com.example.hdr

import kotlin.math.log2
import kotlin.math.pow

/*
 * A picture of any size through a model of TILE x TILE pixels, the way `mqn convert` takes: overlapping tiles are faded
 * into each other, and each region gets the level that it has in a reduced copy of the whole picture. A network sees
 * another scene in a tile than in the whole, and would give each tile a brightness of its own.
 */

private const val OVERLAP = TILE * 5 / 16
private const val CELL = 128 // side of the regions whose level comes from the reduced copy
private const val DARKEST = 1e-4f

/** The light of `ldr`; `run` is the model, from TILE x TILE pixels to their light. */
fun expand(ldr: Picture, run: (Picture) -> Picture): Picture {
    val wide = covering(ldr.width)
    val tall = covering(ldr.height)
    val padded = ldr.part(0, 0, wide, tall)
    if (wide == TILE && tall == TILE) return run(padded).part(0, 0, ldr.width, ldr.height)
    val guide = run(ldr.reduced(TILE, TILE))
    val light = Picture(wide, tall)
    for (rows in spans(tall)) for (columns in spans(wide)) {
        val tile = run(padded.part(columns.start, rows.start, TILE, TILE))
        for (y in 0 until TILE) for (x in 0 until TILE) {
            val weight = rows.weights[y] * columns.weights[x]
            val at = light.at(columns.start + x, rows.start + y)
            for (channel in 0 until 3) light.values[at + channel] += weight * tile.values[tile.at(x, y) + channel]
        }
    }
    return withLevelOf(guide, light.part(0, 0, ldr.width, ldr.height))
}

private fun covering(side: Int) = maxOf(TILE, (side + STRIDE - 1) / STRIDE * STRIDE)

private class Span(val start: Int, val weights: FloatArray)

/** Tiles along an axis; the weights of all tiles over a pixel add up to 1. */
private fun spans(length: Int): List<Span> {
    if (length <= TILE) return listOf(Span(0, FloatArray(TILE) { 1f }))
    val shared = OVERLAP + STRIDE - 1
    val count = (length - shared + TILE - shared - 1) / (TILE - shared)
    val starts = List(count) {
        Math.rint((length - TILE).toDouble() * it / (count - 1) / STRIDE).toInt() * STRIDE
    }
    val raw = starts.mapIndexed { index, start ->
        FloatArray(TILE) { x ->
            val before = if (index > 0) ramp(x, starts[index - 1] + TILE - start) else 1f
            val behind = if (index < count - 1) ramp(TILE - 1 - x, start + TILE - starts[index + 1]) else 1f
            minOf(before, behind)
        }
    }
    val sums = FloatArray(length)
    starts.forEachIndexed { index, start -> for (x in 0 until TILE) sums[start + x] += raw[index][x] }
    return starts.mapIndexed { index, start -> Span(start, FloatArray(TILE) { raw[index][it] / sums[start + it] }) }
}

/** 0, then a rise over the shared pixels, then 1; the outermost eighth, where the network sees an edge, is left out. */
private fun ramp(x: Int, shared: Int): Float {
    val margin = shared / 8
    return ((x + 0.5f - margin) / (shared - 2 * margin)).coerceIn(0f, 1f)
}

private fun withLevelOf(guide: Picture, light: Picture): Picture {
    val wide = maxOf(1, light.width / CELL)
    val tall = maxOf(1, light.height / CELL)
    fun levels(picture: Picture) = picture.map(1) { from, at, to, put ->
        to[put] = log2(maxOf(luminance(from, at), DARKEST))
    }.reduced(wide, tall)
    val wanted = levels(guide)
    val found = levels(light)
    for (index in wanted.values.indices) wanted.values[index] -= found.values[index]
    val gain = wanted.enlarged(light.width, light.height)
    return light.map(3) { from, at, to, put ->
        val factor = 2f.pow(gain.values[at / 3])
        for (channel in 0 until 3) to[put + channel] = minOf(from[at + channel] * factor, MOST_LIGHT)
    }
}
