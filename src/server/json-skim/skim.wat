;; Checks that bytes are one JSON object (RFC 8259), and tells where its long members stand. Nothing is decoded.
;;
;; `skim` says no (-1) rather than yes to what it does not know: what is nested too deeply, for one. It never says yes to
;; what `JSON.parse` would refuse. Bytes beyond ASCII are passed over within strings, as a decoder that puts U+FFFD for
;; what is no UTF-8 would have it, and refused everywhere else.
;;
;; Memory: the members found, 16 bytes each; the brackets that are open, one byte each; from 4096 on the text. Behind the
;; text stands a byte of zero, which no JSON may hold, so that nothing below looks for the end, and room for a block.
(module
  (memory (export "memory") 1)

  ;; Index of the first byte from $at on that is not white space.
  (func $space (param $at i32) (result i32)
    (local $byte i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.gt_u (local.get $byte) (i32.const 0x20)) (then (return (local.get $at))))
      (if (i32.or
            (i32.or (i32.eq (local.get $byte) (i32.const 0x20)) (i32.eq (local.get $byte) (i32.const 0x0a)))
            (i32.or (i32.eq (local.get $byte) (i32.const 0x0d)) (i32.eq (local.get $byte) (i32.const 0x09))))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (local.get $at))

  (func $isDigit (param $byte i32) (result i32)
    (i32.lt_u (i32.sub (local.get $byte) (i32.const 0x30)) (i32.const 10)))

  (func $isHex (param $byte i32) (result i32)
    (i32.or
      (call $isDigit (local.get $byte))
      (i32.lt_u (i32.sub (i32.or (local.get $byte) (i32.const 0x20)) (i32.const 0x61)) (i32.const 6))))

  (func $areFourHex (param $at i32) (result i32)
    (i32.and
      (i32.and (call $isHex (i32.load8_u (local.get $at))) (call $isHex (i32.load8_u offset=1 (local.get $at))))
      (i32.and (call $isHex (i32.load8_u offset=2 (local.get $at))) (call $isHex (i32.load8_u offset=3 (local.get $at))))))

  ;; One bit for each of 64 bytes, which are all zeros or all ones.
  (func $bits (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (local.get $a)))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b))) (i64.const 16)))
      (i64.or
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $c))) (i64.const 32))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $d))) (i64.const 48)))))

  (func $bitsOf (param $a v128) (param $b v128) (param $c v128) (param $d v128) (param $byte v128) (result i64)
    (call $bits
      (i8x16.eq (local.get $a) (local.get $byte)) (i8x16.eq (local.get $b) (local.get $byte))
      (i8x16.eq (local.get $c) (local.get $byte)) (i8x16.eq (local.get $d) (local.get $byte))))

  ;; Whether what stands at $at may follow a backslash, of what is not looked for in a whole block: / b f r t, and u with
  ;; four digits.
  (func $isRareEscape (param $at i32) (result i32)
    (local $byte i32)
    (local.set $byte (i32.load8_u (local.get $at)))
    (if (i32.eq (local.get $byte) (i32.const 0x75))
      (then (return (call $areFourHex (i32.add (local.get $at) (i32.const 1))))))
    (i32.or
      (i32.or (i32.eq (local.get $byte) (i32.const 0x74)) (i32.eq (local.get $byte) (i32.const 0x72)))
      (i32.or
        (i32.eq (local.get $byte) (i32.const 0x2f))
        (i32.or (i32.eq (local.get $byte) (i32.const 0x62)) (i32.eq (local.get $byte) (i32.const 0x66))))))

  ;; Index after the closing quote of the string whose text begins at $at; 0 where that is no string.
  (func $string (param $at i32) (result i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $mask i32) (local $near i32)
    (local $quotes i64) (local $backslashes i64)
    (local $escaped i64) (local $carry i64) (local $runs i64) (local $within i64) (local $rare i64) (local $common i64)
    ;; Most strings are short.
    (local.set $a (v128.load align=1 (local.get $at)))
    (local.set $mask
      (i8x16.bitmask
        (v128.or
          (v128.or
            (i8x16.eq (local.get $a) (v128.const i64x2 0x2222222222222222 0x2222222222222222))
            (i8x16.eq (local.get $a) (v128.const i64x2 0x5c5c5c5c5c5c5c5c 0x5c5c5c5c5c5c5c5c)))
          (i8x16.lt_u (local.get $a) (v128.const i64x2 0x2020202020202020 0x2020202020202020)))))
    (if (local.get $mask)
      (then
        (local.set $near (i32.add (local.get $at) (i32.ctz (local.get $mask))))
        (if (i32.eq (i32.load8_u (local.get $near)) (i32.const 0x22))
          (then (return (i32.add (local.get $near) (i32.const 1)))))))
    (loop $blocks
      (local.set $a (v128.load align=1 (local.get $at)))
      (local.set $b (v128.load offset=16 align=1 (local.get $at)))
      (local.set $c (v128.load offset=32 align=1 (local.get $at)))
      (local.set $d (v128.load offset=48 align=1 (local.get $at)))
      (local.set $quotes
        (call $bitsOf (local.get $a) (local.get $b) (local.get $c) (local.get $d) (v128.const i64x2 0x2222222222222222 0x2222222222222222)))
      (local.set $backslashes
        (call $bitsOf (local.get $a) (local.get $b) (local.get $c) (local.get $d) (v128.const i64x2 0x5c5c5c5c5c5c5c5c 0x5c5c5c5c5c5c5c5c)))
      ;; Which bytes stand behind a backslash that is not escaped itself. $carry: the last block ended with such a
      ;; backslash. Runs of them are told apart by whether they begin at an odd place: a subtraction carries through
      ;; each of them at once (Geoff Langdale and Daniel Lemire, "Parsing Gigabytes of JSON per Second", 3.1.1).
      (if (i64.eqz (local.get $backslashes))
        (then
          (local.set $escaped (local.get $carry))
          (local.set $carry (i64.const 0)))
        (else
          (local.set $runs
            (i64.xor
              (i64.sub
                (i64.or
                  (i64.shl (i64.and (local.get $backslashes) (i64.xor (local.get $carry) (i64.const -1))) (i64.const 1))
                  (i64.const 0xaaaaaaaaaaaaaaaa))
                (i64.and (local.get $backslashes) (i64.xor (local.get $carry) (i64.const -1))))
              (i64.const 0xaaaaaaaaaaaaaaaa)))
          (local.set $escaped (i64.xor (local.get $runs) (i64.or (local.get $backslashes) (local.get $carry))))
          (local.set $carry (i64.shr_u (i64.and (local.get $runs) (local.get $backslashes)) (i64.const 63)))))
      (local.set $common (i64.or (local.get $quotes) (local.get $backslashes)))
      (local.set $quotes (i64.and (local.get $quotes) (i64.xor (local.get $escaped) (i64.const -1))))
      ;; What stands before the closing quote; all, where there is none in the block.
      (local.set $within
        (i64.and (i64.sub (local.get $quotes) (i64.const 1)) (i64.xor (local.get $quotes) (i64.const -1))))
      ;; A control character, of which there are few but behind the string, and none within.
      (if (v128.any_true
            (i8x16.lt_u
              (i8x16.min_u
                (i8x16.min_u (local.get $a) (local.get $b))
                (i8x16.min_u (local.get $c) (local.get $d)))
              (v128.const i64x2 0x2020202020202020 0x2020202020202020)))
        (then
          (if (i64.ne
                (i64.and
                  (local.get $within)
                  (call $bits
                    (i8x16.lt_u (local.get $a) (v128.const i64x2 0x2020202020202020 0x2020202020202020))
                    (i8x16.lt_u (local.get $b) (v128.const i64x2 0x2020202020202020 0x2020202020202020))
                    (i8x16.lt_u (local.get $c) (v128.const i64x2 0x2020202020202020 0x2020202020202020))
                    (i8x16.lt_u (local.get $d) (v128.const i64x2 0x2020202020202020 0x2020202020202020))))
                (i64.const 0))
            (then (return (i32.const 0))))))
      (local.set $escaped (i64.and (local.get $escaped) (local.get $within)))
      ;; Nearly always a quote, a backslash or an n; what else may be escaped is looked at one by one.
      (if (i64.ne (i64.and (local.get $escaped) (i64.xor (local.get $common) (i64.const -1))) (i64.const 0))
        (then
          (local.set $rare
            (i64.and
              (local.get $escaped)
              (i64.xor
                (i64.or
                  (local.get $common)
                  (call $bitsOf (local.get $a) (local.get $b) (local.get $c) (local.get $d) (v128.const i64x2 0x6e6e6e6e6e6e6e6e 0x6e6e6e6e6e6e6e6e)))
                (i64.const -1))))
          (block $none
            (loop $next
              (br_if $none (i64.eqz (local.get $rare)))
              (if (i32.eqz
                    (call $isRareEscape (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $rare))))))
                (then (return (i32.const 0))))
              (local.set $rare (i64.and (local.get $rare) (i64.sub (local.get $rare) (i64.const 1))))
              (br $next)))))
      (if (i64.ne (local.get $quotes) (i64.const 0))
        (then
          (return
            (i32.add
              (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $quotes))))
              (i32.const 1)))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br $blocks))
    (unreachable))

  ;; Index after one or more digits; 0 where there is none.
  (func $digits (param $at i32) (result i32)
    (if (i32.eqz (call $isDigit (i32.load8_u (local.get $at)))) (then (return (i32.const 0))))
    (loop $next
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (call $isDigit (i32.load8_u (local.get $at)))))
    (local.get $at))

  ;; Index after the number at $at; 0 where there is none.
  (func $number (param $at i32) (result i32)
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x30))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1))))
      (else
        (local.set $at (call $digits (local.get $at)))
        (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2e))
      (then
        (local.set $at (call $digits (i32.add (local.get $at) (i32.const 1))))
        (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))))
    (if (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 0x20)) (i32.const 0x65))
      (then
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.or
              (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2b))
              (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d)))
          (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (return (call $digits (local.get $at)))))
    (local.get $at))

  ;; Index after the `true`, `false` or `null` at $at; 0 where there is none.
  (func $word (param $at i32) (result i32)
    (local $four i32)
    (local.set $four (i32.load align=1 (local.get $at)))
    (if (i32.or
          (i32.eq (local.get $four) (i32.const 0x65757274))
          (i32.eq (local.get $four) (i32.const 0x6c6c756e)))
      (then (return (i32.add (local.get $at) (i32.const 4)))))
    (if (i32.and
          (i32.eq (local.get $four) (i32.const 0x736c6166))
          (i32.eq (i32.load8_u offset=4 (local.get $at)) (i32.const 0x65)))
      (then (return (i32.add (local.get $at) (i32.const 5)))))
    (i32.const 0))

  ;; How many members of the object at $at have a value of more than $longBytes, up to 64 of them; -1 where the bytes up
  ;; to $end are not one JSON object. Of each, from 0 on: where its name's text begins and ends, where its value does.
  (func (export "skim") (param $at i32) (param $end i32) (param $longBytes i32) (result i32)
    (local $byte i32) (local $depth i32) (local $found i32) (local $isName i32)
    (local $nameStart i32) (local $nameEnd i32) (local $valueStart i32)
    (local.set $at (call $space (local.get $at)))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x7b)) (then (return (i32.const -1))))
    (loop $next
      (if (local.get $isName)
        (then
          (local.set $at (call $space (local.get $at)))
          (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x22)) (then (return (i32.const -1))))
          (if (i32.eq (local.get $depth) (i32.const 1))
            (then (local.set $nameStart (i32.add (local.get $at) (i32.const 1)))))
          (local.set $at (call $string (i32.add (local.get $at) (i32.const 1))))
          (if (i32.eqz (local.get $at)) (then (return (i32.const -1))))
          (if (i32.eq (local.get $depth) (i32.const 1))
            (then (local.set $nameEnd (i32.sub (local.get $at) (i32.const 1)))))
          (local.set $at (call $space (local.get $at)))
          (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x3a)) (then (return (i32.const -1))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))))
      (local.set $at (call $space (local.get $at)))
      (if (i32.eq (local.get $depth) (i32.const 1)) (then (local.set $valueStart (local.get $at))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (block $over
        (if (i32.eq (local.get $byte) (i32.const 0x22))
          (then
            (local.set $at (call $string (i32.add (local.get $at) (i32.const 1))))
            (br_if $over (local.get $at))
            (return (i32.const -1))))
        (if (i32.or (i32.eq (local.get $byte) (i32.const 0x7b)) (i32.eq (local.get $byte) (i32.const 0x5b)))
          (then
            (if (i32.ge_u (local.get $depth) (i32.const 1000)) (then (return (i32.const -1))))
            (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
            ;; What closes it: two further on in ASCII.
            (i32.store8 offset=2048 (local.get $depth) (i32.add (local.get $byte) (i32.const 2)))
            (local.set $at (call $space (i32.add (local.get $at) (i32.const 1))))
            (br_if $over (i32.eq (i32.load8_u (local.get $at)) (i32.load8_u offset=2048 (local.get $depth))))
            (local.set $isName (i32.eq (local.get $byte) (i32.const 0x7b)))
            (br $next)))
        (if (i32.or (i32.eq (local.get $byte) (i32.const 0x2d)) (call $isDigit (local.get $byte)))
          (then (local.set $at (call $number (local.get $at))))
          (else (local.set $at (call $word (local.get $at)))))
        (br_if $over (local.get $at))
        (return (i32.const -1)))
      (loop $closed
        (if (i32.and
              (i32.eq (local.get $depth) (i32.const 1))
              (i32.and
                (i32.gt_s (i32.sub (local.get $at) (local.get $valueStart)) (local.get $longBytes))
                (i32.lt_u (local.get $found) (i32.const 64))))
          (then
            (i32.store (i32.shl (local.get $found) (i32.const 4)) (local.get $nameStart))
            (i32.store offset=4 (i32.shl (local.get $found) (i32.const 4)) (local.get $nameEnd))
            (i32.store offset=8 (i32.shl (local.get $found) (i32.const 4)) (local.get $valueStart))
            (i32.store offset=12 (i32.shl (local.get $found) (i32.const 4)) (local.get $at))
            (local.set $found (i32.add (local.get $found) (i32.const 1)))))
        (local.set $at (call $space (local.get $at)))
        (if (i32.eqz (local.get $depth))
          (then (return (select (local.get $found) (i32.const -1) (i32.eq (local.get $at) (local.get $end))))))
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.eq (local.get $byte) (i32.load8_u offset=2048 (local.get $depth)))
          (then
            (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
            (br $closed)))
        (if (i32.ne (local.get $byte) (i32.const 0x2c)) (then (return (i32.const -1)))))
      (local.set $isName (i32.eq (i32.load8_u offset=2048 (local.get $depth)) (i32.const 0x7d)))
      (br $next))
    (unreachable))
)
