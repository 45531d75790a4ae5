package dev.lowrank.evaluate.encoder;

import dev.lowrank.text.DataRecord;
import dev.lowrank.text.TextException;
import dev.lowrank.text.TextException.Code;

/// A record whose fields must be of the kinds that a task needs.
record Row(DataRecord record) {
    /// A field that must be a text.
    ///
    /// @throws TextException `DATA_RECORD` naming file, line and field
    String text(String field) {
        if (record.fields().get(field) instanceof String text) {
            return text;
        }
        throw fault(field, "a text");
    }

    /// A field that must be a finite number.
    ///
    /// @throws TextException likewise
    double number(String field) {
        if (record.fields().get(field) instanceof Number number && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        throw fault(field, "a number");
    }

    /// A field that must be a whole number in a range.
    ///
    /// @param count it is from 0 to below this
    /// @throws TextException likewise
    int index(String field, int count) {
        if (record.fields().get(field) instanceof Number number
                && number.doubleValue() == number.intValue()
                && number.intValue() >= 0
                && number.intValue() < count) {
            return number.intValue();
        }
        throw fault(field, "a whole number from 0 to " + (count - 1));
    }

    private TextException fault(String field, String expected) {
        var fields = record.fields();
        var found = fields.containsKey(field) ? "`" + field + "` = " + fields.get(field) : "no `" + field + "`";
        return new TextException(
                Code.DATA_RECORD,
                record.where(),
                "has " + found + "; expected " + expected + ". The fields there are " + fields.keySet() + ".");
    }
}
