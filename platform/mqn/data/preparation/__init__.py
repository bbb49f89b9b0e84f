"""From a folder of HDR pictures to a prepared dataset."""
