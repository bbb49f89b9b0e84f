package com.example.hdr

import kotlin.math.pow

/*
 * A picture of any size through a model that gives gains, the way `mqn convert` takes: the model sees the whole picture
 * at TILE x TILE pixels, and its gains are enlarged along the picture's edges by a guided filter (He and Sun 2015).
 */

private const val WINDOW = 9
private const val FLAT = 1e-3f // variance of luma below which a window has no edge

/** The light of `ldr`, 1.0 = its white; `run` is the model, from TILE x TILE pixels to gains in stops. */
fun expand(ldr: Picture, run: (Picture) -> Picture): Picture {
    val small = ldr.reduced(TILE, TILE)
    return brightened(ldr, enlarged(run(small), small, ldr))
}

private fun luma(picture: Picture) = picture.map(1) { from, at, to, put ->
    to[put] = 0.299f * from[at] + 0.587f * from[at + 1] + 0.114f * from[at + 2]
}

/** Within each window the gains are a linear function of the small picture's luma; the large one's goes through it. */
private fun enlarged(stops: Picture, small: Picture, large: Picture): Picture {
    val dark = luma(small)
    val gathered = stops.map(8) { from, at, to, put ->
        val y = dark.values[at / 3]
        to[put] = y
        to[put + 1] = y * y
        for (channel in 0 until 3) {
            to[put + 2 + channel] = from[at + channel]
            to[put + 5 + channel] = from[at + channel] * y
        }
    }
    val means = blurred(gathered)
    val linear = means.map(7) { from, at, to, put ->
        val middle = from[at]
        val variance = from[at + 1] - middle * middle
        to[put] = dark.values[at / 8]
        for (channel in 0 until 3) {
            to[put + 1 + channel] = stops.values[at / 8 * 3 + channel]
            to[put + 4 + channel] = (from[at + 5 + channel] - middle * from[at + 2 + channel]) / (variance + FLAT)
        }
    }
    // The slope is blurred once more, so that windows pass into each other.
    val slopes = blurred(linear.map(3) { from, at, to, put -> from.copyInto(to, put, at + 4, at + 7) })
    val wide = linear.map(7) { from, at, to, put ->
        from.copyInto(to, put, at, at + 4)
        slopes.values.copyInto(to, put + 4, at / 7 * 3, at / 7 * 3 + 3)
    }.enlarged(large.width, large.height)
    val fine = luma(large)
    return wide.map(3) { from, at, to, put ->
        val detail = fine.values[at / 7] - from[at]
        for (channel in 0 until 3) to[put + channel] = from[at + 1 + channel] + from[at + 4 + channel] * detail
    }
}

/** The mean of WINDOW x WINDOW pixels around each; beyond the edges the nearest is repeated. */
private fun blurred(picture: Picture): Picture = averaged(averaged(picture, 1, 0), 0, 1)

private fun averaged(picture: Picture, right: Int, down: Int): Picture {
    val made = Picture(picture.width, picture.height, picture.channels)
    for (y in 0 until picture.height) for (x in 0 until picture.width) for (step in -WINDOW / 2..WINDOW / 2) {
        val near = picture.at(
            (x + right * step).coerceIn(0, picture.width - 1), (y + down * step).coerceIn(0, picture.height - 1)
        )
        val at = made.at(x, y)
        for (channel in 0 until picture.channels) made.values[at + channel] += picture.values[near + channel] / WINDOW
    }
    return made
}

/** A value that the picture shows has no gain; where all three channels are clipped they get one, and stay white. */
private fun brightened(ldr: Picture, stops: Picture) = ldr.map(3) { from, at, to, put ->
    val shares = FloatArray(3) {
        val share = ((from[at + it] - RAMP_FROM) / (RAMP_TO - RAMP_FROM)).coerceIn(0f, 1f)
        share * share * (3 - 2 * share)
    }
    val white = shares.min()
    val mean = (stops.values[at] + stops.values[at + 1] + stops.values[at + 2]) / 3
    for (channel in 0 until 3) {
        val own = stops.values[at + channel]
        val least = LEAST_GAIN_STOPS * shares[channel]
        val gain = (own + white * (mean - own)).coerceIn(least, GAIN_STOPS * shares[channel])
        val factor = 2f.pow(gain)
        to[put + channel] = maxOf((linear(from[at + channel]) + GAIN_OFFSET) * factor - GAIN_OFFSET, 0f)
    }
}
