package com.example.hdr

import android.content.ContentResolver
import android.content.ContentValues
import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.ColorSpace
import android.graphics.Gainmap
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Environment
import android.provider.MediaStore
import kotlin.math.pow

/** A photograph, upright, in sRGB. */
fun load(content: ContentResolver, photo: Uri): Bitmap =
    ImageDecoder.decodeBitmap(ImageDecoder.createSource(content, photo)) { decoder, _, _ ->
        decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE // its pixels are read
        decoder.isMutableRequired = true
        decoder.setTargetColorSpace(ColorSpace.get(ColorSpace.Named.SRGB))
    }

/** The photograph with a gain map of the model's: an HDR display shows it brighter, any other as it was. */
fun withGainMap(photo: Bitmap, model: Model): Bitmap {
    val (wide, tall) = mapSize(photo.width, photo.height)
    val ldr = pixels(photo).reduced(wide, tall)
    val map = gainMap(ldr, expand(ldr, model::run))
    val codes = IntArray(map.codes.size) { val code = map.codes[it].toInt() and 255; Color.rgb(code, code, code) }
    val made = photo.copy(Bitmap.Config.ARGB_8888, true)
    made.gainmap = Gainmap(Bitmap.createBitmap(codes, map.width, map.height, Bitmap.Config.ARGB_8888)).apply {
        val low = 2f.pow(map.low)
        val high = 2f.pow(map.high)
        setRatioMin(low, low, low)
        setRatioMax(high, high, high)
        setGamma(1f, 1f, 1f)
        setEpsilonSdr(OFFSET, OFFSET, OFFSET)
        setEpsilonHdr(OFFSET, OFFSET, OFFSET)
        minDisplayRatioForHdrTransition = 1f
        displayRatioForFullHdr = 2f.pow(map.headroom)
    }
    return made
}

/** Write Ultra HDR among the device's pictures; from Android 14 on `compress` puts the gain map into the JPEG file. */
fun save(content: ContentResolver, picture: Bitmap): Uri {
    val about = ContentValues().apply {
        put(MediaStore.Images.Media.DISPLAY_NAME, "hdr_${System.currentTimeMillis()}.jpg")
        put(MediaStore.Images.Media.MIME_TYPE, "image/jpeg")
        put(MediaStore.Images.Media.RELATIVE_PATH, Environment.DIRECTORY_PICTURES)
    }
    val place = checkNotNull(content.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, about)) { "no place to write to" }
    content.openOutputStream(place).use { stream ->
        check(picture.compress(Bitmap.CompressFormat.JPEG, 95, checkNotNull(stream))) { "the picture was not written" }
    }
    return place
}

/** Code values in [0, 1]. Floats of 12 megapixels take 144 MB, so what is larger is halved first. */
private fun pixels(photo: Bitmap): Picture {
    var small = photo
    while (small.width.toLong() * small.height > 4_000_000)
        small = Bitmap.createScaledBitmap(small, (small.width + 1) / 2, (small.height + 1) / 2, true)
    val made = Picture(small.width, small.height)
    val row = IntArray(small.width)
    for (y in 0 until small.height) {
        small.getPixels(row, 0, small.width, 0, y, small.width, 1)
        for (x in row.indices) {
            val at = made.at(x, y)
            made.values[at] = Color.red(row[x]) / 255f
            made.values[at + 1] = Color.green(row[x]) / 255f
            made.values[at + 2] = Color.blue(row[x]) / 255f
        }
    }
    return made
}
