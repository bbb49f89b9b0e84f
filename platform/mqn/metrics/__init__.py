"""How good a picture is: PSNR and SSIM after tone mapping and in PU21, and the protocol that scores a predictor."""
