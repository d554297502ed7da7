import { expect, test } from 'vitest'
import { ServerSentReader } from '../src/server_sent'

const TEXT =
  'event: begin\r\nid: 4\r\ndata: {"place": 4}\r\n\r\n: here\n\nid: 5\nevent: revision\ndata: {"a":\ndata: 1}\n\ndata: cut'

test('events come out whole, however the text is cut', () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const reader = new ServerSentReader()
    const found = []
    for (let begin = 0; begin < TEXT.length; begin += size) found.push(...reader.read(TEXT.slice(begin, begin + size)))

    expect(found).toEqual([
      { kind: 'begin', id: '4', data: '{"place": 4}' },
      { kind: 'revision', id: '5', data: '{"a":\n1}' },
    ])
  }
})
