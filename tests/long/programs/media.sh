# ffmpeg and ImageMagick: threads that compute.
# needs: ffmpeg convert
# timeout: 120
ffmpeg -v error -f lavfi -i testsrc=size=320x240:rate=10 -t 3 -c:v mpeg4 -threads 2 -bitexact -y v.mp4; echo $?; ffprobe -v error -show_entries stream=codec_name,nb_frames -of csv v.mp4; ffmpeg -v error -i v.mp4 -f framemd5 -threads 2 - | md5sum
ffmpeg -v error -f lavfi -i sine=frequency=440:duration=2 -y s.wav && md5sum <s.wav
convert -size 200x200 gradient:red-blue -swirl 90 -rotate 30 +set date:create +set date:modify +set date:timestamp png:- | convert - -format '%w %h %#' info: ; echo; convert logo: -resize 50% -blur 0x2 -colors 16 ppm:- | md5sum
