/* Writes the quantised coefficients that libjpeg reads of a JPEG file, or makes a file of four components.
 *
 *   coefficients read FILE   standard output: for each component its columns and rows of data units, 16 bits each, then
 *                            64 coefficients for each, 16 bits each in natural order; all as the machine has them
 *   coefficients cmyk FILE   an image of 50 x 30 */
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>

static int read_file(FILE *file)
{
    struct jpeg_decompress_struct image;
    struct jpeg_error_mgr errors;
    image.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&image);
    jpeg_stdio_src(&image, file);
    jpeg_read_header(&image, TRUE);
    jvirt_barray_ptr *planes = jpeg_read_coefficients(&image);
    for (int i = 0; i < image.num_components; i++) {
        jpeg_component_info *component = &image.comp_info[i];
        unsigned short size[2] = {component->width_in_blocks, component->height_in_blocks};
        fwrite(size, sizeof size, 1, stdout);
        for (JDIMENSION row = 0; row < component->height_in_blocks; row++) {
            JBLOCKARRAY line = image.mem->access_virt_barray((j_common_ptr)&image, planes[i], row, 1, FALSE);
            fwrite(line[0], sizeof(JBLOCK), component->width_in_blocks, stdout);
        }
    }
    jpeg_finish_decompress(&image);
    return errors.num_warnings != 0;
}

static int write_cmyk(FILE *file)
{
    struct jpeg_compress_struct image;
    struct jpeg_error_mgr errors;
    JSAMPLE line[50 * 4];
    JSAMPROW row = line;
    image.err = jpeg_std_error(&errors);
    jpeg_create_compress(&image);
    jpeg_stdio_dest(&image, file);
    image.image_width = 50;
    image.image_height = 30;
    image.input_components = 4;
    image.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&image);
    jpeg_start_compress(&image, TRUE);
    while (image.next_scanline < image.image_height) {
        for (int i = 0; i < 200; i++)
            line[i] = (JSAMPLE)(i * image.next_scanline * 7 + i * i);
        jpeg_write_scanlines(&image, &row, 1);
    }
    jpeg_finish_compress(&image);
    return 0;
}

int main(int count, char **words)
{
    int reads = count == 3 && strcmp(words[1], "read") == 0;
    FILE *file = count == 3 ? fopen(words[2], reads ? "rb" : "wb") : NULL;
    if (!file)
        return 2;
    return reads ? read_file(file) : write_cmyk(file) | fclose(file);
}
