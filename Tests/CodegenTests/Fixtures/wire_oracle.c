/* Decodes messages with libprotobuf-c and encodes them again. The generated header is given with
 * -include and the table of messages with -DMESSAGES.
 *
 * Standard input: records of a message's index in the table and a length, both 32 bits in the machine's order,
 * and the bytes. Standard output: a length and the bytes, the length UINT32_MAX for a refusal. */
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const ProtobufCMessageDescriptor *const messages[] = {MESSAGES};

int main(void) {
  uint32_t head[2];
  while (fread(head, sizeof head, 1, stdin) == 1) {
    if (head[0] >= sizeof messages / sizeof *messages) return 2;
    uint8_t *bytes = malloc(head[1] + 1);
    if (bytes == NULL || fread(bytes, 1, head[1], stdin) != head[1]) return 2;
    ProtobufCMessage *message = protobuf_c_message_unpack(messages[head[0]], NULL, head[1], bytes);
    free(bytes);
    uint32_t size = UINT32_MAX;
    if (message == NULL) {
      fwrite(&size, sizeof size, 1, stdout);
      continue;
    }
    size = (uint32_t)protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    if (packed == NULL || protobuf_c_message_pack(message, packed) != size) return 2;
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(packed, 1, size, stdout);
    free(packed);
    protobuf_c_message_free_unpacked(message, NULL);
  }
  return ferror(stdout) ? 2 : 0;
}
