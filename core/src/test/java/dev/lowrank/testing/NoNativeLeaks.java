package dev.lowrank.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/// On a test class: after each test as many native tensors and native objects must live as before it.
/// Counting is process-wide, so such tests must not run beside others.
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(NoNativeLeaksExtension.class)
public @interface NoNativeLeaks {}
